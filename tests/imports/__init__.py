"""The import desk: files, the way from upload to undo, races, pages."""
