process FLOOR {
    tag "${[slices].flatten().size()} controls"
    label 'cohort'

    input:
    path slices, stageAs: 'slices/*'
    path mapped, stageAs: 'mapped/*'
    val args
    val code

    output:
    path 'floor', emit: floor, optional: true

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'floor.py' slices/* --maps mapped --out floor ${args}
    """

    stub:
    """
    'floor.py' --help > /dev/null
    mkdir floor
    """
}
