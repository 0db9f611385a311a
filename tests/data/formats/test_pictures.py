"""Pictures of a paper ECG are refused in kind words that say what to ask for."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heart_reader.data.formats import find_records, read_record
from heart_reader.errors import UnreadableRecord


def drawn(kind: str) -> bytes:
    paper = np.full((60, 80, 3), 240, np.uint8)
    paper[30] = 0
    stream = io.BytesIO()
    Image.fromarray(paper).save(stream, kind)
    return stream.getvalue()


PICTURES = {
    **{kind: drawn(kind) for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PDF", "EPS", "JPEG2000")},
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
    "AVIF": b"\0\0\0\x1cftypavif\0\0\0\0mif1avif" + bytes(200),
    "big TIFF": b"II+\0\x08\0\0\0" + bytes(200),
    "SVG": b'<?xml version="1.0"?>\n<!-- a plot -->\n<!DOCTYPE svg>\n<svg xmlns="http://www.w3.org/2000/svg" width="100"></svg>',
    "bare SVG": b"<svg></svg>",
}


@pytest.mark.parametrize("suffix", [".png", ".csv", ".dcm", ".edf", ".ecg", ""])
@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_is_refused_whatever_its_name(tmp_path, kind, suffix):
    path = tmp_path / f"ecg{suffix}"
    path.write_bytes(PICTURES[kind])
    with pytest.raises(UnreadableRecord) as caught:
        read_record(path)
    said = caught.value.args[0]
    assert said.code == ("pdf_file" if kind == "PDF" else "picture_file")
    assert "ask for the recording, and export it from the recorder or its software in one of" in said
    assert "DICOM" in said


def test_a_folder_of_pictures_lists_none(tmp_path):
    for kind, content in PICTURES.items():
        Path(tmp_path, f"{kind}.png").write_bytes(content)
    assert find_records(tmp_path) == []


def test_a_picture_in_dicom_is_refused(tmp_path):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.PixelData = 8, 8, 8, bytes(64)
    dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, "1.2.3"
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(UnreadableRecord, match="without a waveform, perhaps a picture of an ECG or a PDF: ask for the recording"):
        read_record(tmp_path / "a.dcm")


def test_text_that_begins_like_a_picture_is_a_table(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("# fs=100\nBM,I,II\n" + "1,0.1,0.2\n2,0.2,0.1\n" * 300)
    assert read_record(path).lead_names == ("I", "II")
