"""The version, for the page, the API, the videos and the package."""

VERSION = "0.4.0"
