"""Several processes make one video: started and followed, guidance branches and tokens shared out among them.

An engine hands in what a rank does: how it loads, and thereby what it generates with.
"""
