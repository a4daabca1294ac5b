"""Ask integration engines for what no tap can see: queues, errors, filtered messages, states."""
