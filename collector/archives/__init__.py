"""Reading what was stored: packed files, files of HL7 messages, and the times that messages name."""
