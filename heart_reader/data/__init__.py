"""From files on disk to arrays: records, formats, preprocessing, sources, cache and data set."""
