"""Where in an image a finished run sees what it says, and how far such maps can be trusted."""
