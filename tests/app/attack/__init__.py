"""Tries to get at files through everything that Gradio has: `python -m tests.app.attack` prints what each answered."""
