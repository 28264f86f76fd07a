"""Files of AT: .mat, .m and JSON."""
