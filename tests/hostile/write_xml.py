"""Write the XML files of recorders: GE MUSE, Philips, Schiller and Mortara, from any record."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import LIMB_LEADS, STANDARD_LEADS
from heart_reader.data.record import EcgRecord

__all__ = ["EIGHT", "as_differences", "counts_of", "mortara_text", "muse_text", "philips_text", "schiller_text", "xli_bytes"]

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
Counts = NDArray[np.int64]


def counts_of(record: EcgRecord, leads: Sequence[str], step_uv: float, most: int = 32767) -> Counts:
    """Samples of some leads, (n_leads, n_times), in steps."""
    signal = np.stack([record.lead(name) for name in leads]).astype(np.float64)
    return np.clip(np.rint(signal * 1000.0 / step_uv), -most, most).astype(np.int64)


def _base64(values: NDArray[np.integer], width: int = 0) -> str:
    text = base64.b64encode(values.astype("<i2").tobytes()).decode("ascii")
    return "\n".join(text[start : start + width] for start in range(0, len(text), width)) if width else text


def _muse_lead(name: str, counts: NDArray[np.int64], step_uv: float, *, crc: bool) -> str:
    checksum = zlib.crc32(counts.astype("<i2").tobytes()) if crc else 0
    return (
        f"<LeadData><LeadByteCountTotal>{2 * len(counts)}</LeadByteCountTotal><LeadTimeOffset>0</LeadTimeOffset>"
        f"<LeadSampleCountTotal>{len(counts)}</LeadSampleCountTotal><LeadAmplitudeUnitsPerBit>{step_uv:g}</LeadAmplitudeUnitsPerBit>"
        "<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadHighLimit>32767</LeadHighLimit><LeadLowLimit>-32768</LeadLowLimit>"
        f"<LeadID>{name}</LeadID><LeadOffsetFirstSample>0</LeadOffsetFirstSample><FirstSampleBaseline>0</FirstSampleBaseline>"
        f"<LeadSampleSize>2</LeadSampleSize><LeadOff>FALSE</LeadOff><BaselineSway>FALSE</BaselineSway>"
        f"<LeadDataCRC32>{checksum}</LeadDataCRC32><WaveFormData>{_base64(counts, 68)}</WaveFormData></LeadData>"
    )


def muse_text(record: EcgRecord, leads: Sequence[str] = EIGHT, step_uv: float = 1.0, *, crc: bool = True) -> str:
    """Return a MUSE file with a median beat, the rhythm, an interpretation and measurements."""
    counts = counts_of(record, leads, step_uv)
    groups = ""
    for kind, values in (("Median", counts[:, :300]), ("Rhythm", counts)):
        groups += (
            f"<Waveform><WaveformType>{kind}</WaveformType><WaveformStartTime>0</WaveformStartTime>"
            f"<NumberofLeads>{len(leads)}</NumberofLeads><SampleType>CONTINUOUS_SAMPLES</SampleType>"
            f"<SampleBase>{record.fs:g}</SampleBase><SampleExponent>0</SampleExponent><HighPassFilter>16</HighPassFilter>"
            "<LowPassFilter>150</LowPassFilter><ACFilter>50</ACFilter>\n"
            + "\n".join(_muse_lead(name, row, step_uv, crc=crc) for name, row in zip(leads, values, strict=True))
            + "</Waveform>\n"
        )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n<RestingECG>\n'
        "<MuseInfo><MuseVersion>9.0.7</MuseVersion></MuseInfo>\n"
        "<PatientDemographics><PatientID>4711</PatientID><PatientAge>62</PatientAge><AgeUnits>YEARS</AgeUnits>"
        "<DateofBirth>03-04-1958</DateofBirth><Gender>FEMALE</Gender><PatientLastName>Doe</PatientLastName>"
        "<PatientFirstName>Jane</PatientFirstName></PatientDemographics>\n"
        "<TestDemographics><AcquisitionDevice>MAC55</AcquisitionDevice><Status>CONFIRMED</Status>"
        "<AcquisitionTime>15:21:27</AcquisitionTime><AcquisitionDate>12-11-2020</AcquisitionDate></TestDemographics>\n"
        "<RestingECGMeasurements><VentricularRate>65</VentricularRate><PRInterval>184</PRInterval><QRSDuration>100</QRSDuration>"
        "<QTInterval>420</QTInterval><QTCorrected>437</QTCorrected><PAxis>42</PAxis><RAxis>-2</RAxis><TAxis>12</TAxis>"
        "<QRSCount>4</QRSCount><QOnset>216</QOnset><POnset>124</POnset><POffset>181</POffset><ECGSampleBase>500</ECGSampleBase>"
        "<ECGSampleExponent>0</ECGSampleExponent><QTcFrederica>431</QTcFrederica></RestingECGMeasurements>\n"
        "<Diagnosis><DiagnosisStatement><StmtFlag>ENDSLINE</StmtFlag><StmtText>Normal sinus rhythm</StmtText></DiagnosisStatement>"
        "<DiagnosisStatement><StmtText>Possible</StmtText></DiagnosisStatement>"
        "<DiagnosisStatement><StmtFlag>ENDSLINE</StmtFlag><StmtText>left atrial enlargement</StmtText></DiagnosisStatement></Diagnosis>\n"
        f"{groups}</RestingECG>\n"
    )


def _lzw(content: bytes) -> bytes:
    """Codes of ten bits, the highest bit first; the table stays when it is full."""
    table: dict[bytes, int] = {bytes((value,)): value for value in range(256)}
    codes, current = [], b""
    for value in content:
        longer = current + bytes((value,))
        if longer in table:
            current = longer
            continue
        codes.append(table[current])
        if len(table) < 1023:
            table[longer] = len(table)
        current = bytes((value,))
    bits = "".join(f"{code:010b}" for code in [*codes, table[current], 1023])
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def xli_bytes(counts: Counts) -> bytes:
    """Compress channels, each to a block."""
    blocks = b""
    for row in counts:
        bends = 2 * row[1:-1] - row[:-2] - row[2:]
        values = np.concatenate([row[:2], bends[1:] + 64, [64]]) if len(row) > 2 else row
        words = values.astype(np.int16).view(np.uint16)
        codes = _lzw((words >> 8).astype(np.uint8).tobytes() + (words & 255).astype(np.uint8).tobytes())
        blocks += struct.pack("<ihh", len(codes), 1, int(bends[0]) if len(row) > 2 else 0) + codes
    return blocks


def as_differences(counts: Counts) -> Counts:
    """III, aVR, aVL and aVF as what they differ by from what I and II make of them."""

    def half(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.trunc(values / 2).astype(np.int64)

    first, second, third = counts[:3]
    made = np.stack([second - first, -half(first + second), half(first - third), half(second + third)])
    changed = counts.copy()
    changed[2:6] = made - counts[2:6]
    return changed


def philips_text(
    record: EcgRecord,
    leads: Sequence[str] = STANDARD_LEADS,
    step_uv: float = 1.0,
    *,
    compressed: bool = True,
    calibration: bool = False,
    old: bool = False,
    most: int = 8000,
) -> str:
    """Return a Philips file of version 1.04, or 1.03 if ``old``, compressed or not."""
    counts = counts_of(record, leads, step_uv, most)
    if calibration:
        pulse = np.repeat([0, round(1000 / step_uv), 0], [20, round(0.2 * record.fs), 30])
        counts = np.concatenate([counts, np.tile(pulse, (len(leads), 1))], axis=1)
    compressed = compressed and tuple(leads[:6]) == LIMB_LEADS
    samples = base64.b64encode(xli_bytes(as_differences(counts)) if compressed else counts.astype("<i2").tobytes()).decode("ascii")
    duration = f"{counts.shape[1] * 1000 / record.fs:.10g}"
    beats = "".join(
        f'<repbeat leadname="{name}"><waveform duration="{100 * 1000 / record.fs:.10g}">{_base64(row[:100])}</waveform></repbeat>'
        for name, row in zip(leads, counts, strict=True)
    )
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<restingecgdata xmlns="http://www3.medical.philips.com" status="Confirmed" lang="en">\n'
        f"<documentinfo><documenttype>{'SierraECG' if old else 'PhilipsECG'}</documenttype>"
        f"<documentversion>{'1.03' if old else '1.04'}</documentversion></documentinfo>\n"
        '<dataacquisition date="2020-12-11" time="15:21:27"><machine detaildescription="Philips:M5000:C.01">PageWriter</machine>'
        f"<signalcharacteristics><samplingrate>{record.fs:g}</samplingrate>"
    )
    name = "interpretationmeasurements" if old else "globalmeasurements"
    middle = (
        "</signalcharacteristics></dataacquisition>\n<patient><generalpatientdata><patientid>4711</patientid>"
        "<name><lastname>Doe</lastname><firstname>Jane</firstname></name><age><years>62</years></age><sex>Female</sex>"
        f'</generalpatientdata></patient>\n<interpretations><interpretation date="2020-12-11" time="15:21:27"><{name}>'
        "<heartrate>84</heartrate><print>144</print><qrsdur>84</qrsdur><qtint>352</qtint><qtcb>417</qtcb><qtcf>394</qtcf>"
        f"<qrsfrontaxis>78</qrsfrontaxis><tfrontaxis>Failed</tfrontaxis></{name}><severity>- NORMAL ECG -</severity>"
        "<statement><leftstatement>SINUS RHYTHM</leftstatement><rightstatement>normal P axis</rightstatement></statement>"
        "</interpretation></interpretations>\n<waveforms>"
    )
    if old:
        return (
            f"{head}<signalresolution>{step_uv:g}</signalresolution><signalbandwidth>0.05-150</signalbandwidth>"
            f"<acquisitiontype>STD-12</acquisitiontype><numberchannelsvalid>{len(leads)}</numberchannelsvalid>{middle}"
            f'<parsedwaveforms compressflag="{compressed}" compressmethod="XLI" dataencoding="Base64" durationperchannel="{duration}"'
            f' nbitspersample="16">{samples}</parsedwaveforms></waveforms></restingecgdata>\n'
        )
    method = ' compression="XLI"' if compressed else ""
    return (
        f'{head}<resolution>{step_uv:g}</resolution>{middle}<parsedwaveforms dataencoding="Base64"{method} numberofleads="{len(leads)}"'
        f' leadlabels="{" ".join(leads)}" durationperchannel="{duration}" samplespersecond="{record.fs:g}" resolution="{step_uv:g}"'
        ' signaloffset="0" signalsigned="True" bitspersample="16" hipass="0.05" lowpass="150" notchfiltered="True"'
        f' notchfilterfreqs="50 100">{samples}</parsedwaveforms><repbeats dataencoding="Base64" samplespersec="{record.fs:g}"'
        f' resolution="{step_uv:g}" repbeatmethod="mean">{beats}</repbeats></waveforms></restingecgdata>\n'
    )


def schiller_text(record: EcgRecord, leads: Sequence[str] = STANDARD_LEADS, step_uv: float = 1.0) -> str:
    """Return a Schiller file with the rhythm and average beats."""
    counts = counts_of(record, leads, step_uv)
    groups = ""
    for kind, values in (("ECG_RHYTHMS", counts), ("ECG_AVERAGES", counts[:, :100])):
        channels = "".join(
            f"<channel><name>{name}</name><datastype>COMMASEPARATE</datastype><samplecount>{len(row)}</samplecount>"
            f"<data>{','.join(map(str, row.tolist()))},</data></channel>\n"
            for name, row in zip(leads, values, strict=True)
        )
        groups += (
            f"<wavedata><type>{kind}</type><resolution><samplerate><exponent>1</exponent><value>{record.fs:g}</value></samplerate>"
            f"<yres><unitperbit>{step_uv:g}</unitperbit><units>uV</units></yres></resolution>{channels}</wavedata>\n"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<com.xiriuz.sema.xml.schillerEDI.SchillerEDI>\n'
        "<patdata><id>4711</id><lastname>Doe</lastname><firstname>Jane</firstname><birthdate>19580304</birthdate><gender>FEMALE</gender>"
        "</patdata>\n<examdescript><startdatetime><date>20201211</date><time>152127</time></startdatetime><aquiringdevice><hardware>"
        "<vendor>Schiller</vendor><model>AT-102</model></hardware><software><version>1.2</version></software></aquiringdevice>"
        f"</examdescript>\n<eventdata><event>{groups}<annotation_global><name>HR</name><value>65</value></annotation_global>"
        "</event></eventdata></com.xiriuz.sema.xml.schillerEDI.SchillerEDI>\n"
    )


def mortara_text(record: EcgRecord, leads: Sequence[str] = STANDARD_LEADS, units_per_mv: float = 1000.0) -> str:
    """Return a Mortara file with its channels and a typical cycle."""
    counts = counts_of(record, leads, 1000.0 / units_per_mv)
    channels = "".join(
        f'<CHANNEL OFFSET="0" BITS="16" FORMAT="SIGNED" UNITS_PER_MV="{units_per_mv:g}" DURATION="{len(row)}" SAMPLE_FREQ="{record.fs:g}"'
        f' NAME="{name}" ENCODING="BASE64" DATA="{_base64(row)}" />\n'
        for name, row in zip(leads, counts, strict=True)
    )
    beats = "".join(f'<TYPICAL_CYCLE_CHANNEL NAME="{name}" DATA="{_base64(row[:100])}" />' for name, row in zip(leads, counts, strict=True))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- Generated by ELI Link -->\n<ECG ACQUISITION_TIME="20201211152127" AGE="62"'
        ' AGE_UNITS="Y" NUM_QRS="4" AVERAGE_RR="923" VENT_RATE="65">\n'
        '<SUBJECT LAST_NAME="Doe" FIRST_NAME="Jane" GENDER="Female" ID="4711" DOB="19580304" />\n'
        '<SOURCE TYPE="RESTING" MANUFACTURER="Mortara Instrument, Inc." MODEL="ELI250c" LOW_PASS_FILTER="150" />\n'
        '<AUTOMATIC_INTERPRETATION><STATEMENT TEXT="SINUS RHYTHM" REASON="" /><STATEMENT TEXT="LEFT AXIS DEVIATION"'
        ' REASON="QRS AXIS &lt; -30" /></AUTOMATIC_INTERPRETATION>\n'
        f'<TYPICAL_CYCLE P_DURATION="110" PR_DURATION="184" QRS_DURATION="100" QT="420" QTB="437" QTF="431" P_AXIS="42" QRS_AXIS="-35"'
        f' T_AXIS="12" BITS="16" FORMAT="SIGNED" UNITS_PER_MV="{units_per_mv:g}" DURATION="100" SAMPLE_FREQ="{record.fs:g}"'
        f' ENCODING="BASE64">{beats}</TYPICAL_CYCLE>\n{channels}</ECG>\n'
    )
