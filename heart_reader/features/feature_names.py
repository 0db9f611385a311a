"""Names and units of all measurements, and the names that PTB-XL+ gives the same quantities.

References
----------
Strodthoff N. et al. PTB-XL+, a comprehensive electrocardiographic feature dataset. Scientific Data
10 (2023) 279.
"""

from __future__ import annotations

from heart_reader.data.leads import STANDARD_LEADS

__all__ = [
    "FEATURE_NAMES",
    "GLOBAL_FEATURES",
    "GLOBAL_UNITS",
    "LEAD_UNITS",
    "MEASURING_VERSION",
    "N_OF_TERRITORIES",
    "RHYTHM_FEATURES",
    "TERRITORIES",
    "TERRITORY_FEATURES",
]

# Of the code that measures. A model that was trained with measured features is a model of these
# very numbers: it keeps the version in its manifest and is refused by another one. Raise it with
# every change after which any measurement of any record may differ (tests/test_goldens.py fails
# where that was forgotten), and train again what reads measurements.
MEASURING_VERSION = 2

# Name in readings: (name in the style of PTB-XL+, unit). The first ten are shown first wherever
# measurements are shown.
GLOBAL_FEATURES = {
    "heart_rate_bpm": ("HR_Ventr_Global", "bpm"),
    "p_ms": ("P_Dur_Global", "ms"),
    "pr_ms": ("PR_Int_Global", "ms"),
    "qrs_ms": ("QRS_Dur_Global", "ms"),
    "qt_ms": ("QT_Int_Global", "ms"),
    "qtc_fridericia_ms": ("QT_IntFridericia_Global", "ms"),
    "qtc_bazett_ms": ("QT_IntBazett_Global", "ms"),
    "p_axis_deg": ("P_AxisFront_Global", "deg"),
    "qrs_axis_deg": ("QRS_AxisFront_Global", "deg"),
    "t_axis_deg": ("T_AxisFront_Global", "deg"),
    "rr_mean_ms": ("RR_Mean_Global", "ms"),
    "rr_sd_ms": ("RR_StdDev_Global", "ms"),
    "rr_rmssd_ms": ("RR_RMSSD_Global", "ms"),
    "rr_min_ms": ("RR_Min_Global", "ms"),
    "rr_max_ms": ("RR_Max_Global", "ms"),
    "n_beats": ("QRS_Count_Global", "1"),
    "other_beats_share": ("QRS_OtherShare_Global", "1"),
    "p_found": ("P_Found_Global", "1"),
    "st_axis_deg": ("ST_AxisFront_Global", "deg"),
    "qrs_t_angle_deg": ("QRST_AngleFront_Global", "deg"),
    "qt_dispersion_ms": ("QT_Disp_Global", "ms"),
    "sokolow_lyon_mv": ("QRS_SokolowLyon_Global", "mV"),
    "cornell_mv": ("QRS_Cornell_Global", "mV"),
    "cornell_product_mvms": ("QRS_CornellProduct_Global", "mV*ms"),
    "p_terminal_force_v1_mvms": ("P_Term_V1", "mV*ms"),
    "fragmented_leads": ("QRS_Fragmented_Global", "1"),
}
GLOBAL_UNITS = {name: unit for name, (_, unit) in GLOBAL_FEATURES.items()}

# Stem of the PTB-XL+ name, to which the lead is added: ``R_Amp`` becomes ``R_Amp_V5``. Q and S
# amplitudes are negative there as here.
LEAD_UNITS = {
    "P_Amp": "mV",
    "P_Area": "mV*ms",
    "P_Dur": "ms",
    "Q_Amp": "mV",
    "Q_Dur": "ms",
    "R_Amp": "mV",
    "R_Dur": "ms",
    "S_Amp": "mV",
    "S_Dur": "ms",
    "RS_Ratio": "1",
    "R_Notch": "1",
    "QRS_IntDefl": "ms",
    "QRS_AmpPP": "mV",
    "QRS_Area": "mV*ms",
    "QRS_Dur": "ms",
    "ST_Amp": "mV",
    "ST_Amp40ms": "mV",
    "ST_Amp80ms": "mV",
    "T_Amp": "mV",
    "T_Area": "mV*ms",
    "QT_Int": "ms",
    "Noise": "mV",
}

# Leads that face one wall of the heart, and those of one plane.
TERRITORIES = {
    "Inferior": ("II", "III", "aVF"),
    "Lateral": ("I", "aVL", "V5", "V6"),
    "Septal": ("V1", "V2"),
    "Anterior": ("V3", "V4"),
    "Limbs": ("I", "II", "III", "aVR", "aVL", "aVF"),
    "Chest": ("V1", "V2", "V3", "V4", "V5", "V6"),
}
_WALLS = ("Inferior", "Lateral", "Septal", "Anterior")
_MEANS = ("Q_Amp", "R_Amp", "S_Amp", "ST_Amp", "ST_Amp80ms", "T_Amp", "T_Area", "QRS_Area")
_EXTREMES = ("Q_Dur_Max", "T_Amp_Min", "ST_Amp80ms_Min", "ST_Amp80ms_Max")
_OF_TERRITORIES = (
    *(f"{stem}_Mean_{wall}" for wall in _WALLS for stem in _MEANS),
    *(f"{extreme}_{wall}" for wall in _WALLS for extreme in _EXTREMES),
    *(f"QRS_AmpPP_{kind}_{plane}" for plane in ("Limbs", "Chest") for kind in ("Mean", "Min", "Max")),
    *(f"{stem}_Max_{plane}" for plane in ("Limbs", "Chest") for stem in ("QRS_Dur", "R_Notch")),
    "R_Amp_Max_Chest",
    "S_Amp_Min_Chest",
)
N_OF_TERRITORIES = len(_OF_TERRITORIES)
TERRITORY_FEATURES: tuple[str, ...] = (
    *_OF_TERRITORIES,
    *("R_Transition_Chest", "R_Rise_V2V3", "R_Rise_V1V4"),
    *("T_Inverted_Leads", "T_Flat_Leads", "ST_Depressed_Leads", "ST_Elevated_Leads", "TQRS_Ratio_Median", "TQRS_Ratio_Min"),
)

# The rhythm in numbers, named alike; they stand last in the vector.
RHYTHM_FEATURES = {
    "rr_cv": ("RR_CV_Global", "1"),
    "rr_pnn50": ("RR_PNN50_Global", "1"),
    "rr_step": ("RR_StepMedian_Global", "1"),
    "rr_early_share": ("RR_EarlyShare_Global", "1"),
    "rr_late_share": ("RR_LateShare_Global", "1"),
    "rr_min_ratio": ("RR_MinRatio_Global", "1"),
    "rr_max_ratio": ("RR_MaxRatio_Global", "1"),
    "rr_early_late_share": ("RR_EarlyLateShare_Global", "1"),
    "rr_autocorrelation": ("RR_Autocorr_Global", "1"),
    "rr_gap": ("RR_SortedGap_Global", "1"),
    "rr_double_share": ("RR_DoubleShare_Global", "1"),
    "pause_count": ("RR_PauseCount_Global", "1"),
    "rate_max4_bpm": ("HR_Max4_Global", "bpm"),
    "kinds": ("QRS_KindCount_Global", "1"),
    "others_early_share": ("QRS_OtherEarlyShare_Global", "1"),
    "wide_early_share": ("QRS_WideEarlyShare_Global", "1"),
    "narrow_early_share": ("QRS_NarrowEarlyShare_Global", "1"),
    "wide_other_share": ("QRS_WideOtherShare_Global", "1"),
    "bigeminy": ("QRS_Bigeminy_Global", "1"),
    "trigeminy": ("QRS_Trigeminy_Global", "1"),
    "longest_ectopic_run": ("QRS_EctopicRun_Global", "1"),
    "wide_tachycardia": ("QRS_WideTachycardia_Global", "1"),
    "slurred_onset_ms": ("QRS_SlurredOnset_Global", "ms"),
    "pr_rr_ratio": ("PR_OverRR_Global", "1"),
    "pr_segment_ms": ("PR_Segment_Global", "ms"),
    "p_probability": ("P_Probability_Global", "1"),
    "p_likeness": ("P_Likeness_Global", "1"),
    "p_share": ("P_Share_Global", "1"),
    "pr_sd_ms": ("PR_StdDev_Global", "ms"),
    "gap_p_likeness": ("P_GapLikeness_Global", "1"),
    "fibrillation_share": ("F_Share_Global", "1"),
    "fibrillation_mv": ("F_Amp_Global", "mV"),
    "flutter_score": ("F_Flutter_Global", "1"),
    "flutter_rate_bpm": ("F_FlutterRate_Global", "bpm"),
    "flutter_ratio": ("F_FlutterRatio_Global", "1"),
    "flutter_locked": ("F_FlutterLocked_Global", "1"),
    "atrial_periodicity": ("P_Periodicity_Global", "1"),
    "atrial_rate_bpm": ("P_Rate_Global", "bpm"),
    "dissociation": ("P_Dissociation_Global", "1"),
    "spikes_per_beat": ("Spike_PerBeat_Global", "1"),
    "spike_mv": ("Spike_Amp_Global", "mV"),
    "spike_sharpness": ("Spike_Sharpness_Global", "1"),
    "spike_share": ("Spike_Share_Global", "1"),
    "spike_spread_ms": ("Spike_Spread_Global", "ms"),
    "spike_to_end_ms": ("Spike_ToEnd_Global", "ms"),
    "pacing_score": ("Spike_Pacing_Global", "1"),
}

FEATURE_NAMES: tuple[str, ...] = (
    *(feature for feature, _ in GLOBAL_FEATURES.values()),
    *(f"{stem}_{lead}" for lead in STANDARD_LEADS for stem in LEAD_UNITS),
    *TERRITORY_FEATURES,
    *(feature for feature, _ in RHYTHM_FEATURES.values()),
)
