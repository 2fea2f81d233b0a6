"""The web app: a page and a REST API over the pipeline."""
