"""The tables that a study and a description of a cohort print on the terminal."""
