import runpy, sys
src=open("/tmp/me/s15/F_try3.py").read()
head=src[:src.index("def ifelse")]
parts=src[src.index("def ifelse"):src.index("def nested")]
open("/tmp/me/s15/F_try4.py","w").write(head+parts)
def test_try(device_driver, capsys):
    sys.argv=["x","cuda"]
    try:
        runpy.run_path("/tmp/me/s15/F_try4.py")
    finally:
        out=capsys.readouterr()
        open("/tmp/me/s15/F_cuda.txt","w").write(out.out+out.err)
