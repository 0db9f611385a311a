"""From probabilities, measurements and the measured rhythm to one diagnosis that agrees with
itself.
"""
