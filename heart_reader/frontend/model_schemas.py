"""What the server answers about its readers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from heart_reader.frontend.answer import Answer

__all__ = ["FormatFacts", "ModelAnswer", "ReaderFacts"]


class Interval(BaseModel):
    """A metric with its interval; null where it could not be estimated."""

    point: float | None
    low: float | None
    high: float | None


class ClassPerformance(Answer):
    """How well one class was separated from the others."""

    auroc: Interval
    n_positive: int
    prevalence: float = Field(description="Share of the measured records that carry the class")


class Performance(Answer):
    """What a report of these very weights measured."""

    split: str
    n_records: int
    confidence: float = Field(description="Of the intervals")
    caveats: list[str]
    macro_auroc: Interval
    classes: dict[str, ClassPerformance]


class Training(Answer):
    """What the model was trained on."""

    source: str
    n_records: int
    n_positive: dict[str, int] = Field(description="Records that carry each class of the level of interest")
    prevalence: dict[str, float]


class SignatureFacts(Answer):
    """Who made the weights."""

    state: Literal["verified", "not_verified", "unsigned"] = Field(description="Not verified: the server was given no keys to trust")
    by: str | None = Field(description="Name of the trusted key that signed them")
    key: str | None = Field(description="Identity of the key that signed, or claims to have")


class FormatFacts(Answer):
    """A file format that is read."""

    name: str
    title: str
    suffixes: list[str] = Field(description="Of files that are a record each, with the dot")
    companions: list[str] = Field(description="Of files that belong to a record without being one")
    states: str = Field(description="What such a file says itself")


class ClassMeaning(Answer):
    """What a class is called."""

    title: str = Field(description="In English; its code where nobody gave it a title")
    words: str | None = Field(description="Its entry under classes in the page's files of languages, if it has one")


class ReaderFacts(Answer):
    """One of the server's readers."""

    name: str = Field(description="What requests ask for it by")
    title: str | None = Field(description="What a shipped reader is, in a few words; null for any other")
    model: str = Field(description="Name of the network")
    level: str = Field(description="Level of interest")
    levels: dict[str, list[str]] = Field(description="Class names by level")
    leads: list[str]
    fs: float = Field(description="Rate that it reads at, in Hz; recordings may have any")
    checkpoint_sha256: str
    intact: bool = Field(description="Whether its files are those that were loaded")


class ModelAnswer(Answer):
    """The model card, and what one request may hold."""

    name: str = Field(description="Of the network")
    reader: str = Field(description="What requests ask for this reader by")
    readers: list[str] = Field(description="All readers of the server, the default one first")
    version: str = Field(description="Of heart_reader")
    n_parameters: int
    checkpoint_sha256: str
    signature: SignatureFacts
    runtime: Literal["torch", "onnx"]
    level: str = Field(description="Level of interest")
    levels: dict[str, list[str]] = Field(description="Class names by level")
    label_rule: str
    training: Training
    performance: Performance | None = Field(description="Null where no report of these weights lies beside them")
    model_card: str | None = Field(description="Its text in Markdown; null where none lies beside the weights")
    statement_tree: dict[str, dict[str, list[str]]] = Field(description="Diagnostic statements of PTB-XL by superclass and subclass")
    statement_names: dict[str, str] = Field(description="Statement or superclass to its name in English")
    class_meanings: dict[str, dict[str, ClassMeaning]] = Field(
        description="Level to class to what it is called, for classes that are no statements or mean more than the statement of their name"
    )
    max_upload_bytes: int
    max_files: int
    formats: list[FormatFacts] = Field(description="What may be sent")
