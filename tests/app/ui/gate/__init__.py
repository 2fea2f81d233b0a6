"""Tests of what stands before Gradio."""
