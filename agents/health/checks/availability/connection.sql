-- The database does not let us in
/*
severity = "critical"
profile = "quick"
measured = true
evidence = ["reason"]
meaning = "Nothing else can be known, and most likely nobody else gets in either."
remedy = "Read the reason: refused means password, role or database name; no answer means the server, its disk or the network."
also = ["pg-healthcheck:G01-001", "check_postgres:connection"]
*/
