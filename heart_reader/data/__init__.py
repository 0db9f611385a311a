"""From files on disk to arrays: records, readers, preprocessing, sources, cache and data set."""
