"""The report of a study: an HTML page, Markdown, tables, figures, model cards, a W&B report.

A study's folder comes in (`load.py`); files go out (`write.py`). Nothing is computed from trials
again. Open `sections/all_sections.py` to see the page in order.
"""
