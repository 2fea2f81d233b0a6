"""A photo and a voice go in, a talking video comes out."""
