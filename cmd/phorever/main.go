// Command phorever supervises the processes of a project by role.
package main

func main() {}
