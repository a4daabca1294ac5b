"""What should have happened: workflows, objectives, alerts, calendars and figures for people."""
