"""Reports of what a classifier reaches, with intervals and reasons for what is not stated."""
