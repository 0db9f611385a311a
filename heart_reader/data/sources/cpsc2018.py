"""CPSC2018, 12-lead ECGs of nine classes, as the PhysioNet Challenge 2020 published them.

References
----------
Liu F. et al. An open access database for evaluating the algorithms of electrocardiogram rhythm and
morphology abnormality detection. J. Med. Imaging Health Inform. 8 (2018) 1368-1373.
"""

from heart_reader.data.sources import DATASETS, Dataset

DATASETS.add(
    "cpsc2018",
    Dataset(
        "https://physionet.org/files/challenge-2020/1.0.2/",
        "training/cpsc_2018/",
        title="CPSC2018 of the PhysioNet Challenge 2020",
        licence="CC BY 4.0",
        counts={"*.hea": 6_877},
    ),
)
