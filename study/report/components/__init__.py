"""Building blocks of a page: tables, prose, figures, the colours of the arms."""
