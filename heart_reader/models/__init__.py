"""Networks, one file each; :mod:`heart_reader.models.registry` lists them."""
