"""Who is a control in a table of scans, apart from how sheets are read, which no later task need depend on."""

import pandas as pd


def held_out_controls(scans: pd.DataFrame, healthy: str) -> pd.Series:
    """Return which rows of a table with subject, label and split are controls: those that its `control` tells.

    Without that column they are of the class `healthy`, not trained on, and of subjects that no row of the table gives
    another label.
    """
    if "control" in scans:
        return scans["control"] == "yes"
    return (scans["label"] == healthy) & (scans["split"] != "train") & ~has_other_label(scans, healthy)


def has_other_label(scans: pd.DataFrame, healthy: str) -> pd.Series:
    """Return which rows of a table with subject and label are of subjects that have another label than `healthy`."""
    return scans["subject"].isin(scans.loc[scans["label"] != healthy, "subject"])
