"""PTB-XL+: published features of PTB-XL's records, which ``features.sets`` reads from its folder.

References
----------
Strodthoff N. et al. PTB-XL+, a comprehensive electrocardiographic feature dataset. Scientific Data
10 (2023) 279.
"""

from heart_reader.data.sources import DATASETS, Dataset

DATASETS.add(
    "ptbxl-plus",
    Dataset("https://physionet.org/files/ptb-xl-plus/1.0.1/", title="PTB-XL+ 1.0.1, features of PTB-XL's records", licence="CC BY 4.0"),
)
