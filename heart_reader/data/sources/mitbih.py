"""The MIT-BIH Arrhythmia Database, whose annotated beats the studies of measurements compare with.

References
----------
Moody G. B., Mark R. G. The impact of the MIT-BIH Arrhythmia Database. IEEE Engineering in Medicine
and Biology 20 (2001) 45-50.
"""

from heart_reader.data.sources import DATASETS, Dataset

DATASETS.add(
    "mitbih",
    Dataset(
        "https://physionet.org/files/mitdb/1.0.0/",
        title="MIT-BIH Arrhythmia Database 1.0.0, half an hour of two leads each",
        licence="ODC-By 1.0",
        counts={"???.hea": 48},
    ),
)
