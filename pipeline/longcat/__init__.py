"""LongCat-Video-Avatar: long videos from a photo or a text and the voices of one or two people."""
