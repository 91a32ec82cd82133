module github.com/sansrtc/rtc/examples/record

go 1.26

require (
	github.com/at-wat/ebml-go v0.19.4
	github.com/bluenviron/mediacommon/v2 v2.8.0
	github.com/sansrtc/rtc v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/pion/randutil v0.1.0 // indirect
	github.com/pion/sdp/v3 v3.0.20 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/sansrtc/rtc => ../..
