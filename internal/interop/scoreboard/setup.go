package main

func setupRows(b *board) {}
func idleRows(b *board)  {}
