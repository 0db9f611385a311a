"""A simulator of lawful 12-lead ECGs: a heart vector seen by leads, with the truth about every
wave.

The waves of P, QRS, ST and T are deflections of one electric dipole; limb leads obey Einthoven's
law with noise and all, because noise is added at the electrodes. Diseases change the waves
(``findings``), rhythms their times and origins (``rhythms``), people differ (``population``), and
everything follows from a generator that is passed in. Run ``heart-reader data simulate
--help`` to write files.
"""

from heart_reader.data.synthetic.beats import peak_leads_mv, simulate, simulate_with_truth
from heart_reader.data.synthetic.examples import EXAMPLES, Example, write_examples
from heart_reader.data.synthetic.findings import FINDINGS, Finding
from heart_reader.data.synthetic.heart import EcgParameters, EcgTruth, Morphology, NoiseLevels, SimulatedEcg, Wave
from heart_reader.data.synthetic.population import draw_findings, draw_parameters, random_parameters, sokolow_lyon_mv
from heart_reader.data.synthetic.ptbxl_folder import write_ptbxl_folder
from heart_reader.data.synthetic.rhythms import SIMULATED_RHYTHMS, simulate_rhythm

__all__ = [
    "EXAMPLES",
    "FINDINGS",
    "SIMULATED_RHYTHMS",
    "EcgParameters",
    "EcgTruth",
    "Example",
    "Finding",
    "Morphology",
    "NoiseLevels",
    "SimulatedEcg",
    "Wave",
    "draw_findings",
    "draw_parameters",
    "peak_leads_mv",
    "random_parameters",
    "simulate",
    "simulate_rhythm",
    "simulate_with_truth",
    "sokolow_lyon_mv",
    "write_examples",
    "write_ptbxl_folder",
]
