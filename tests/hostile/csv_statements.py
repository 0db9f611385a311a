"""What comments of tables say: rates, units, factors, age and sex."""

from __future__ import annotations

from collections.abc import Iterable

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case
from tests.hostile.csv_tables import HEAD, RATE, case, microvolts, renamed, table

__all__ = ["person_cases", "rate_cases", "unit_cases"]


def rate_cases() -> Iterable[Case]:
    right = (
        "fs=250", "fs: 250 Hz", "fs (Hz): 250", "fs_hz=250", "Fs = 250.0", "FS:250Hz", "sf=250", "sfreq: 250",
        "sample_rate=250", "samplerate: 250",
        "Sampling rate: 250 Hz", "SampleFrequency=250", "samplingFrequency: 250", "Sample Rate (Hz): 250", "Sample rate [Hz] = 250",
        "sampling frequency: 250 hz",
        "ECG sampling rate: 250", "fs=0.25 kHz", "fs: 0,25 kHz", "fs (kHz): 0.25", "sample_rate_khz=0.25", "fs=2.5e2", "fs = 250 sps",
        "fs = 250 samples/s",
        "fs = 250 samples per second", "Samples per second: 250", "sampling_interval: 4 ms", "dt=0.004", "dt = 4 ms", "dt_ms=4",
        "sample interval (ms): 4",
        "Sampling period: 4000 us", "Sampling interval: 0,004 s", "fs: 1/4 ms", "fs: 250 (Hz)", "fs = 1/(4 ms)",
        "fs = 1/0.004 s", "dt: 1/250", "Abtastrate: 250 Hz",
        'fs="250"',
        "site=A, fs=250Hz", "fs=250 unit=mV", "unit=mV fs=250", "unit = mV; fs = 250", "Mains frequency: 50 Hz, fs=250",
        "Lowpass frequency: 150 Hz; fs: 250",
        "fs: 250 Hz per channel", "fs=250,,,,,,", "sampling rate\u00a0: 250 Hz", "Hz: 250", "frequency: 250 Hz", "fs=250 Age=62 Sex=F",
        "fs: 250 Hz.",
    )  # fmt: skip
    for text in right:
        yield case(f"rate said as {text!r}", lambda text=text: table(head=(f"# {text}", "# unit=mV")))
    wrong = ("fs=fast", "fs=250,500", "fs: 1,000 Hz", "sampling rate: 250 or 500 Hz", "fs = 250 MHz", "fs: 4 ms", "dt = 250 Hz",
        "fs=~250", "fs: 250 Hz nominal",
             "fs (Hz): 0.25 kHz", "fs=-250", "sample_rate: unknown", "fs=250 500", "dt: fast", "fs = 0x250",
        "fs: 250 Hz (500 Hz)")  # fmt: skip
    for text in wrong:
        yield case(f"a rate that is none: {text!r}", lambda text=text: table(head=(f"# {text}", "# unit=mV")), refused="rate_not_a_number")
    for text in ("fs=10 MHz", "fs=2", "dt=4", "dt=0.4 s", "fs = 1.000 Hz", "sampling_interval: 4", "fs=250 kHz"):
        code = "rate_not_a_number" if "MHz" in text else "rate_impossible"
        yield case(f"a rate no ECG has: {text!r}", lambda text=text: table(head=(f"# {text}", "# unit=mV")), refused=code)
    # A thousand rows without a rate are read as ten seconds at 100 Hz: what may state a rate must
    # not come to that.
    unclear = ("sampled at 250 Hz", "250 Hz", "original sampling rate: 250 Hz", "250 samples per second", "12 leads, 250 Hz",
        "sampling time: 4 ms",
               "Gain: 200 adu/mV fs: 250", "resampled rate=250", "Sample rate of the recorder = 250", "250 sps", "fs 250",
        "The fs: was 250", "sr = 250", "rate: 250", "ts=0.004", "T = 0.004")  # fmt: skip
    for text in unclear:
        yield case(f"a rate in other words: {text!r}", lambda text=text: table(head=(f"# {text}", "# unit=mV")), refused="rate_unclear")
        yield case(
            f"a rate in other words, and given: {text!r}",
            lambda text=text: table(head=(f"# {text}", "# unit=mV")),
            arguments={"fs": 250.0, "unit": "mV"},
        )
    for text in (
        "Mains frequency: 50 Hz",
        "Lowpass frequency: 150",
        "High-pass filter: 0.05 Hz",
        "Notch: 60 Hz",
        "Heart rate: 72",
        "Number of samples: 1000",
    ):
        yield case(f"no sampling rate: {text!r}", lambda text=text: table(head=(f"# {text}", "# unit=mV"))[:-1], refused="rate_unknown")
        yield case(f"no sampling rate, and one: {text!r}", lambda text=text: table(head=(f"# {text}", *HEAD)))
    for first, second in (("fs=250", "fs=500"), ("fs=250", "Sampling rate: 500 Hz"), ("dt=4 ms", "fs=500"), ("fs=500 fs=250", "")):
        yield case(
            f"two rates: {first!r}, {second!r}",
            lambda first=first, second=second: table(head=(f"# {first}", f"# {second}")),
            refused="rates_differ",
        )
    yield case("two rates that agree", lambda: table(head=("# fs=250", "# Sampling interval: 4 ms", "# unit=mV")))


def unit_cases() -> Iterable[Case]:
    factors = {
        "mV": 1.0, "millivolts": 1.0, "MV": 1.0, "uV": 1e-3, "\u00b5V": 1e-3, "\u03bcV": 1e-3, "microvolt": 1e-3, "V": 1e3, "nV": 1e-6,
        "1 mV": 1.0,
        "0.001 mV": 1e-3, "0,001 mV": 1e-3, "0.1 mV": 0.1, "1e-3 mV": 1e-3, "4.88 uV": 4.88e-3, "uV/LSB 4.88": 4.88e-3,
        "4.88 uV/LSB": 4.88e-3, "4,88 uV per bit": 4.88e-3,
        "200 adu/mV": 5e-3, "1000 units/mV": 1e-3, "mV/count 0.005": 5e-3,
    }  # fmt: skip
    for text, factor in factors.items():
        for key in ("unit", "Units", "Amplitude unit"):
            yield case(
                f"{key} of {text!r}",
                lambda text=text, factor=factor, key=key: table(
                    head=(RATE, f"# {key}: {text}"), scale=1 / factor, cell=lambda value: f"{value:.6f}"
                ),
            )
    for text in ("mV", "uV", "0.1 mV", "4.88 uV/LSB", "V", "0.001mV"):
        factor = factors.get(text, 1e-3)
        yield case(
            f"names with a unit of {text!r}",
            lambda text=text, factor=factor: table(
                [f"{lead} ({text})" for lead in STANDARD_LEADS], (RATE,), scale=1 / factor, cell=lambda value: f"{value:.6f}"
            ),
        )
    for text in (
        "mV x 10",
        "mV*10",
        "mV/10",
        "furlong",
        "uV/LSB",
        "mV per cm",
        "10 mm/mV",
        "mV 10",
        "1,000 uV",
        "x10 mV",
        "mV or uV",
        "LSB",
        "adu",
    ):
        yield case(f"a unit that is none: {text!r}", lambda text=text: table(head=(RATE, f"# unit: {text}")), refused="unit_unknown")
    for text in ("mV x 10", "mV*10", "10 counts/uV 3", "x1000", "1000x", "*2", "/2", "LSB", "counts", "ADU"):
        yield case(
            f"names with a unit that is none: {text!r}",
            lambda text=text: table([f"{lead} [{text}]" for lead in STANDARD_LEADS], (RATE,)),
            refused="unit_unknown",
        )
    yield case("two units in comments", lambda: table(head=(RATE, "# unit=mV", "# units: uV")), refused="units_differ")
    yield case("another unit in one name", lambda: table(renamed(V3="V3 (uV)")), refused="units_differ")
    yield case("one unit spelled twice", lambda: table([f"{lead} (mV)" for lead in STANDARD_LEADS], (RATE, "# unit: millivolt")))
    for text in ("amplitudes in uV", "values are microvolts", "channels in Volts", "everything in \u00b5V"):
        yield case(f"a unit in other words: {text!r}", lambda text=text: table(head=(RATE, f"# {text}")), refused="unit_unknown")
    for text in ("amplitudes in mV", "calibration: 1 mV", "SR: yes", "10 mm/mV"):
        yield case(f"nothing about the unit: {text!r}", lambda text=text: table(head=(RATE, f"# {text}")), warned=("unit_assumed",))
    yield case("no unit at all", lambda: table(head=(RATE,)), warned=("unit_assumed",))
    yield case(
        "no unit, in microvolts",
        lambda: table(head=(RATE,), cell=microvolts, changed=dict.fromkeys(STANDARD_LEADS, 50.0)),
        refused="implausible_amplitude",
    )
    scales = ("gain: 200", "LSB: 4.88 uV", "resolution = 4.88 uV/LSB", "scale factor=0.001", "amplification 1000",
        "ADC gain (adu/mV): 200", "4.88 uV per LSB",
              "multiplier: 0.005")  # fmt: skip
    for text in scales:
        yield case(f"a factor without a unit: {text!r}", lambda text=text: table(head=(RATE, f"# {text}")), refused="scale_unclear")
        yield case(f"a factor beside a unit: {text!r}", lambda text=text: table(head=(*HEAD, f"# {text}")), warned=("scale_not_applied",))
    for text in ("gain: 1", "resolution: 16 bits", "Gain: 10 mm/mV", "scale: 25 mm/s"):
        yield case(f"no factor: {text!r}", lambda text=text: table(head=(*HEAD, f"# {text}")))


def person_cases() -> Iterable[Case]:
    ages = ("Age: 62", "age=62", "Age: 062", "age=062Y", "Patient age: 62 years", "PatientAge: 62y", "age (years): 62",
        "Age: 62 yrs old", "age_years=62", "<age>: 62",
            "Age: 62 Sex: F", "62 F 1085 1629 x1", "age in years: 62", "Age: 744 months")  # fmt: skip
    sexes = (
        "Sex: F",
        "sex=female",
        "Gender: Female",
        "gender=F",
        "Patient sex: f",
        "<sex>: F",
        "patient_gender=woman",
        "Sex: Unknown",
        "sex=1",
    )
    for text in (*ages, *sexes):
        yield case(f"a person said as {text!r}", lambda text=text: table(head=(*HEAD, f"# {text}")))
    # None of these is an age of so many years.
    unknown = ("Age: 18M", "born 1950", "birth year: 1950", "Age group: 3", "Age: >89", "Age: unknown", "stage: 3", "Age: -1",
        "Age: 300", "age=62; age=63",
               "sex=F; gender=M", "Age: 6-2", "age: 1,234", "Lineage: 5", "Age: 18 M", "Image: 7", "page=4")  # fmt: skip
    for text in unknown:
        yield case(f"no age: {text!r}", lambda text=text: table(head=(*HEAD, f"# {text}")))
