"""The report of a study: an HTML page, Markdown, tables, figures, model cards, a W&B report.

`load.py` reads a study's folder; `write.py` writes the files. No result is computed again from the
trials. `sections/all_sections.py` lists the sections of the page in order.
"""
