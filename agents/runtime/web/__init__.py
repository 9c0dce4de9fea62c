"""What agents that answer HTTP share: granian around an application, its farewell, bodies, answers and settings."""
