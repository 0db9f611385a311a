"""Which extra of the package brings a module that is not installed."""

from __future__ import annotations

from collections.abc import Mapping

from heart_reader.errors import HeartReaderError

__all__ = ["EXTRA_OF", "missing"]

# Top-level module to the smallest extra that installs it.
EXTRA_OF: Mapping[str, str] = {
    "torch": "train", "pandas": "train", "sklearn": "train", "pydantic": "train", "yaml": "train",
    "safetensors": "train", "tqdm": "train", "matplotlib": "plot",
    "fastapi": "serve", "starlette": "serve", "uvicorn": "serve", "anyio": "serve", "h11": "serve",
    "pydantic_settings": "serve", "prometheus_client": "serve", "python_multipart": "serve", "multipart": "serve",
    "onnx": "export", "onnxscript": "export",
    "pydicom": "formats", "h5py": "formats", "soundfile": "flac",
    "pynetdicom": "archive", "dicomweb_client": "archive", "requests": "archive", "urllib3": "archive",
    "optuna": "tune",
    "lightgbm": "baselines",
    "cryptography": "signing",
    "shtab": "completion",
    "pyarrow": "bulk", "fsspec": "bulk",
    "ray": "ray",
    "opentelemetry": "tracing",
    "huggingface_hub": "dev",
}  # fmt: skip


def missing(module: str) -> HeartReaderError:
    """Return the error that says how to install a module that could not be imported.

    Parameters
    ----------
    module
        Its name, ``ImportError.name``; what comes after a dot does not matter.

    Examples
    --------
    >>> print(missing("torch.nn").message)
    torch is not installed: pip install 'heart-reader[train]'
    """
    top = module.split(".", maxsplit=1)[0]
    wanted = f"'heart-reader[{EXTRA_OF[top]}]'" if top in EXTRA_OF else top
    return HeartReaderError(f"{top} is not installed: pip install {wanted}")
