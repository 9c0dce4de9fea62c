-- An empty statement takes long
/*
severity = "warn"
profile = "quick"
measured = true
threshold = {warn = 100, critical = 1000, unit = "ms", source = "chosen: inside one cluster it takes 0.2 ms; a prediction waits 500 ms at most"}
meaning = "Every statement pays this at least: the network, a pooler or a starved processor is slow."
remedy = "Compare with a connection from the database's own host; look at processor and network there."
also = ["pg-healthcheck:G01-002"]
*/
