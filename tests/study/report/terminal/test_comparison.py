"""What a person sees at the end of a study."""

from rich.console import Console

from hemomodel.schema.schema import load_schema
from study.report.load import read_comparison
from study.report.terminal.comparison import show_comparison


def test_titles_stay_text(folder):
    comparison = read_comparison(folder)
    tasks = load_schema().tasks
    hostile = tasks[0].model_copy(update={"second_title": "流速 [/min] [red]"})
    console = Console(record=True, width=200)
    show_comparison(console, comparison, (hostile, *tasks[1:]))
    assert "流速 [/min] [red]" in console.export_text()
