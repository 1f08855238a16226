"""A pack of synthesised sounds, for those who have no pack at hand."""
