"""The web app: a page and a REST API over the pipeline."""

VERSION = "0.2.0"
