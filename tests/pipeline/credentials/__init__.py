"""Tests of Content Credentials."""
