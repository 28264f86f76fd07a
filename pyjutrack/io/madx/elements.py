"""Attributes of elements in MAD files."""

#: attributes whose value is a word, never an expression
WORDS = {
    *("type", "comment", "comments", "text", "apertype", "from", "refer", "refpos", "method"),
    *("model", "particle", "sequence", "range", "class", "pattern", "file", "element", "name"),
    *(
        "period",
        "style",
        "table",
        "column",
        "next_sequ",
        "polarity",
        "aper_vx_file",
        "fringe_model",
    ),
}
