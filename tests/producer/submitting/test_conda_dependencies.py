"""Conda specifications, edited package by package."""

from __future__ import annotations

from pathlib import Path

from runfold.submitting import CondaDependencies


def test_a_fresh_specification_has_python_and_the_sdk() -> None:
    packages = CondaDependencies()
    assert packages.get_python_version() == "3.10.18"
    assert packages.conda_packages == ["python=3.10.18"]
    assert packages.pip_packages == ["azureml-defaults"]
    assert packages.conda_channels == ["anaconda", "conda-forge"]
    assert packages.get_default_number_of_packages() == 0


def test_a_package_replaces_another_version_of_itself() -> None:
    packages = CondaDependencies.create(
        pip_packages=["torch==1.0", "Torch_Vision"], conda_packages=["numpy=1.2"], python_version="3.11"
    )
    packages.add_pip_package("torch>=2")
    packages.add_pip_package("torch-vision==1")
    packages.add_conda_package("conda-forge::numpy=1.26")
    packages.set_python_version("3.12")
    assert packages.pip_packages == ["torch>=2", "torch-vision==1"]
    assert packages.conda_packages == ["python=3.12", "conda-forge::numpy=1.26"]
    packages.remove_pip_package("torch")
    packages.remove_conda_package("numpy")
    assert (packages.pip_packages, packages.conda_packages) == (["torch-vision==1"], ["python=3.12"])


def test_options_stay_apart_from_packages() -> None:
    packages = CondaDependencies.create(pip_indexurl="https://a.test/simple", pip_packages=["x"])
    packages.set_pip_index_url("--index-url https://b.test/simple")
    packages.set_pip_option("--pre")
    assert set(packages.pip_options) == {"--index-url https://b.test/simple", "--pre"}
    packages.set_pip_requirements(["y==1"])
    assert packages.pip_packages == ["y==1"]
    packages.remove_pip_option("--pre")
    assert packages.pip_options == ["--index-url https://b.test/simple"]


def test_channels_are_added_once() -> None:
    packages = CondaDependencies()
    packages.add_channel("pytorch")
    packages.add_channel("pytorch")
    packages.remove_channel("anaconda")
    assert packages.conda_channels == ["conda-forge", "pytorch"]


def test_frameworks_have_their_names() -> None:
    packages = CondaDependencies()
    packages.add_tensorflow_pip_package("gpu", "2.4")
    packages.add_tensorflow_conda_package(version="2.4")
    packages.add_cntk_package()
    assert packages.pip_packages[1:] == ["tensorflow-gpu==2.4", "cntk"]
    assert packages.conda_packages[-1] == "tensorflow=2.4"


def test_a_specification_comes_back_from_its_file(tmp_path: Path) -> None:
    packages = CondaDependencies.create(pip_packages=["a", "b==1"], conda_packages=["c"])
    path = packages.save(tmp_path)
    assert path == str(tmp_path / "conda_dependencies.yml")
    assert CondaDependencies(path) == packages
    assert packages.save_to_file(tmp_path, "sub/c.yml") == "sub/c.yml"
    assert CondaDependencies(tmp_path / "sub" / "c.yml").as_dict() == packages.as_dict()


def test_what_is_changed_in_a_copy_stays_there() -> None:
    packages = CondaDependencies()
    packages.as_dict()["dependencies"].append("x")
    assert packages.conda_packages == ["python=3.10.18"]


def test_requirements_of_one_name_are_put_together() -> None:
    merged = CondaDependencies.merge_requirements(["a[x]>=1", "b", "A[y]<2", "b==3", "--pre", "c ; python_version<'3'"])
    assert merged == ["a[x,y]>=1,<2", "b==3", "--pre", "c ; python_version<'3'"]


def test_a_specification_without_pip_takes_packages_of_pip(tmp_path: Path) -> None:
    file = tmp_path / "c.yml"
    file.write_text("name: x\ndependencies:\n- python=3.11\n- pip\n")
    packages = CondaDependencies(file)
    packages.add_pip_package("numpy")
    assert packages.pip_packages == ["numpy"]
    assert packages.conda_packages == ["python=3.11", "pip"]
