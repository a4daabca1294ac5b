"""Backtest: what a draft of a workflow would have said of the history there is, beside what was said."""
