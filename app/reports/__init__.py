"""What people report about videos, and what whoever runs the app decides."""
