"""Networks and twins in the formats of other programs."""
