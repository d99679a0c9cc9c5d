module goxnu/misc

go 1.26
