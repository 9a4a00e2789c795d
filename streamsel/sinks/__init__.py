"""Where kept frames go: a folder with pictures, their record, and a manifest."""
