"""The sessions that are analysed: validated, filtered, with a record of what each rule removed.

A table or the built-in generator (`synthetic/`) comes in; a `Cohort` goes out.
Open `cohort.py` first, then `validation.py` for what is refused.
"""
