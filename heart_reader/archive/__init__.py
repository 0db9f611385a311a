"""ECGs of a hospital's own archive: found and fetched by DICOMweb, received by C-STORE.

Readings go back as structured reports. Research use only.
"""
